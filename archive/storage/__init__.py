"""What went through the logs, kept in Parquet files."""
