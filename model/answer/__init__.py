"""Kinds of answers: what a head's scores mean, what they are trained for, what is told."""
