"""Running the installation: health, metrics, jobs, retention, demo data."""
