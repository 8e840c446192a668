"""What is known of open models, their cache formats, accelerators and storage tiers, with sources and dates."""
