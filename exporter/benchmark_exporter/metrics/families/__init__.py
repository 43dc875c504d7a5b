"""The metric families, one module per concern.

Only these modules and counters.py name metrics; metrics.yaml describes each.
"""
