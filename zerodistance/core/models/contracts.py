"""What crosses the door of models: errors that a person or a client reads."""

from __future__ import annotations

from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.text import Text


class TooFewOutcomes(ZeroDistanceError):
    """There are too few rows of one outcome to train and to look how good that is."""

    code, status = "too_few_outcomes", 422
    text = Text(
        "要训练一个模型，两种结果各至少要有 {least} 条（来自不同的家庭），现在有 {came} 条发生、{not_came} 条未发生；延长标签窗口，或者等更多结果到来",
        "training needs at least {least} rows of either outcome, of different households; {came} came true and {not_came} did not:"
        " make the label window longer, or wait for more outcomes",
    )
