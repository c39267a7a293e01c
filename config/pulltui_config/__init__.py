"""Settings of pulltui."""
