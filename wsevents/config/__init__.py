"""From YAML files to settings, and from names to plug-ins."""
