"""What the same log would cost under other terms."""
