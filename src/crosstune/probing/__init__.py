"""What cached features say: closed-form heads, their penalties and baselines."""
