"""What a pull or merge request changes, as one comment that is updated in place."""
