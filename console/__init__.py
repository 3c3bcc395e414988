"""The application: command line, settings, supervisor, and the one place that joins backends and widgets."""
