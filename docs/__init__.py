"""The documentation: its pages, and the program that writes their generated parts."""
