"""What is written by programs in this repository: reference pages, the Pogo files, the Tango database's entries."""
