"""What goes over the wire, one noun a file: the same models check the input, write the output and describe both."""
