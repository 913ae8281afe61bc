"""Siting: where the next stations should go, with a proof of how good the answer is."""
