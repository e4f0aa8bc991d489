"""What on this machine would spoil a measurement: facts are read, then judged, then shown."""
