"""What every service is mounted on: settings, logs, telemetry, probes, server start and drain."""
