"""Carrying out a plan: one small training loop on accelerate, and the parts it is made of."""
