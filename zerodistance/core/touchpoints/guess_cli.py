"""`zerodistance import guess`: a first mapping file for a file, to be looked at and mended."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from zerodistance.kernel import command
from zerodistance.kernel.command import words


def guess(
    file: Annotated[Path, Parameter(help=words("文件", "file"))],
    *,
    source: Annotated[str, Parameter(help=words("来源的标识", "key of the source"))] = "files",
) -> None:
    """Print a guessed mapping file; look at it, and try it with `--dry-run`."""
    from zerodistance.core.touchpoints import toml_values
    from zerodistance.core.touchpoints.import_jobs import open_file
    from zerodistance.core.touchpoints.mapping import SourceSpec
    from zerodistance.core.touchpoints.mapping_text import write
    from zerodistance.core.touchpoints.suggest import suggest
    from zerodistance.core.touchpoints.uploads import look_at

    spec = SourceSpec(toml_values.key("source", source))
    with open_file(file) as opened:
        found = look_at(opened, file.name)
    command.console.out(write(suggest(found, spec, command.settings().zone)), end="", highlight=False)
