"""What happened: kept, scored, watched for drift, and learned from again."""
