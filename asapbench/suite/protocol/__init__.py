"""The benchmarks that ship: the models and the transport of the ASAP protocol."""
