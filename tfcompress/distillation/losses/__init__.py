"""Losses: what a student is told about its teacher."""
