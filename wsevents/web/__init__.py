"""What the gateway says over plain HTTP: the page, and how events are published by hand."""
