"""The embedded demo: made-up companies whose telephones really seem to be used."""
