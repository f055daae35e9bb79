"""Trainers as supervised processes: start them so that nothing but their own end stops them, and stop them safely."""
