"""From an assignment to a message that was handed over: sends, their queue, and the sender."""
