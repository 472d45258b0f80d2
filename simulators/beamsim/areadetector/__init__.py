"""A camera and its NDFileHDF5 plugin as areadetector's simDetector IOC serves them: the same PV names and habits."""
