"""Imports of data sets into the library: uploaded files, and registered data sets that are fetched."""
