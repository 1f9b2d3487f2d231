"""History to bundle: labels, data, model, supervised training, report, export."""
