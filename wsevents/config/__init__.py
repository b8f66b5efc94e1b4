"""Reading the YAML configuration files into settings, and finding plug-ins by name."""
