"""The door of touchpoints: sources, collection, imports, quarantine and the interaction log."""

from __future__ import annotations

from zerodistance.core.touchpoints import forget, log, overview
from zerodistance.core.touchpoints.desk import Preview as RulePreview
from zerodistance.core.touchpoints.desk import mend_by_rule, remap
from zerodistance.core.touchpoints.desk import preview as preview_rule
from zerodistance.core.touchpoints.desk import trend as quarantine_trend
from zerodistance.core.touchpoints.details import words as detail_words
from zerodistance.core.touchpoints.drafts import Draft, Preview, drafts
from zerodistance.core.touchpoints.drafts import begin as begin_draft
from zerodistance.core.touchpoints.drafts import columns_of as draft_columns
from zerodistance.core.touchpoints.drafts import drop as drop_draft
from zerodistance.core.touchpoints.drafts import get as get_draft
from zerodistance.core.touchpoints.drafts import guess_again as guess_draft
from zerodistance.core.touchpoints.drafts import preview as preview_draft
from zerodistance.core.touchpoints.drafts import problem as draft_problem
from zerodistance.core.touchpoints.drafts import reshape as reshape_draft
from zerodistance.core.touchpoints.drafts import set_mapping as set_draft
from zerodistance.core.touchpoints.drafts import try_out as try_draft
from zerodistance.core.touchpoints.dry_run import Report, dry_run, dry_run_from
from zerodistance.core.touchpoints.figures import door_today
from zerodistance.core.touchpoints.import_jobs import Created, Job, Within
from zerodistance.core.touchpoints.import_jobs import create as create_import
from zerodistance.core.touchpoints.import_jobs import create_from as create_import_from
from zerodistance.core.touchpoints.import_jobs import get as get_import
from zerodistance.core.touchpoints.import_jobs import jobs as list_imports
from zerodistance.core.touchpoints.import_jobs import stop as stop_import
from zerodistance.core.touchpoints.kinds import KINDS, Kind, kind
from zerodistance.core.touchpoints.mending import OPERATIONS, Rule
from zerodistance.core.touchpoints.quarantine import Choice, Group, Row, take_back
from zerodistance.core.touchpoints.quarantine import content as quarantine_content
from zerodistance.core.touchpoints.quarantine import dismiss as dismiss_rows
from zerodistance.core.touchpoints.quarantine import export as export_quarantine
from zerodistance.core.touchpoints.quarantine import groups as quarantine_groups
from zerodistance.core.touchpoints.quarantine import mend as mend_row
from zerodistance.core.touchpoints.quarantine import recall as recall_rows
from zerodistance.core.touchpoints.quarantine import replay as replay_rows
from zerodistance.core.touchpoints.quarantine import rows as quarantine_rows
from zerodistance.core.touchpoints.quarantine import show as quarantine_row
from zerodistance.core.touchpoints.rules import COUNTERS, REASONS
from zerodistance.core.touchpoints.schemas import (
    MODES,
    Breach,
    Schema,
    Verdict,
    list_schemas,
    remove_schema,
    set_schema,
    try_schemas,
)
from zerodistance.core.touchpoints.sniff import Column, Guess, sniff
from zerodistance.core.touchpoints.snippets import Snippet, snippet, snippets
from zerodistance.core.touchpoints.sources import (
    KEEP,
    create_source,
    find_by_write_key,
    get_source,
    list_sources,
    rotate_key,
    set_origins,
    set_policy,
    switch_off,
    switch_on,
)
from zerodistance.core.touchpoints.undo import Undo, undo_import, undo_of
from zerodistance.core.touchpoints.uploads import Receiver

__all__ = [
    # sources
    "create_source",
    "list_sources",
    "get_source",
    "set_origins",
    "set_policy",
    "KEEP",
    "door_today",
    "COUNTERS",
    "rotate_key",
    "switch_off",
    "switch_on",
    "find_by_write_key",
    "Snippet",
    "snippet",
    "snippets",
    # schemas
    "set_schema",
    "list_schemas",
    "remove_schema",
    "try_schemas",
    "Schema",
    "Breach",
    "Verdict",
    "MODES",
    "detail_words",
    # kinds
    "KINDS",
    "Kind",
    "kind",
    # imports
    "create_import",
    "create_import_from",
    "get_import",
    "list_imports",
    "stop_import",
    "undo_import",
    "undo_of",
    "Undo",
    "Created",
    "Job",
    "Within",
    "dry_run",
    "dry_run_from",
    "Report",
    # uploads
    "Receiver",
    "Draft",
    "Preview",
    "drafts",
    "get_draft",
    "draft_columns",
    "draft_problem",
    "set_draft",
    "guess_draft",
    "reshape_draft",
    "preview_draft",
    "try_draft",
    "begin_draft",
    "drop_draft",
    # files
    "sniff",
    "Guess",
    "Column",
    # quarantine
    "quarantine_groups",
    "quarantine_rows",
    "quarantine_row",
    "quarantine_trend",
    "quarantine_content",
    "export_quarantine",
    "replay_rows",
    "mend_row",
    "mend_by_rule",
    "preview_rule",
    "remap",
    "take_back",
    "dismiss_rows",
    "recall_rows",
    "Choice",
    "Rule",
    "RulePreview",
    "OPERATIONS",
    "REASONS",
    "Group",
    "Row",
    # figures of today, reading the log, forgetting
    "overview",
    "log",
    "forget",
]
