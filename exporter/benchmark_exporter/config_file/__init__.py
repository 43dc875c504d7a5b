"""What is said of config.yaml as it was written: mistakes, and keys of earlier versions."""
