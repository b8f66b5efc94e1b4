"""Who may come in: one module per kind of authority."""
