"""The record of questions which words a run's answer hangs on, each asked and answered once."""
