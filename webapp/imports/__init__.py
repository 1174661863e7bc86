"""The record of data sets on their way to the shelf: files that people bring, and registered ones that are fetched."""
