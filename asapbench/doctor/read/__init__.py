"""Read the facts about this machine. Nothing is changed and no process is started."""

from __future__ import annotations

import os
import platform
import shutil
from pathlib import Path

from asapbench.doctor.machine import Machine
from asapbench.doctor.read.activity import watch
from asapbench.doctor.read.cgroup import read_quota
from asapbench.doctor.read.files import Tree
from asapbench.doctor.read.interpreter import read_preloaded, read_slowed_by
from asapbench.doctor.read.limits import read_network, read_nice, read_open_files
from asapbench.doctor.read.memory import read_memory, read_pressure
from asapbench.doctor.read.processor import read_processor


def read_machine(sample: float, tree: Tree | None = None) -> Machine:
    """Look at this machine; takes `sample` seconds, in which asapbench only watches."""
    tree = tree or Tree()
    processor = read_processor(tree)
    return Machine(
        # before our own sampling is in them
        load_average=os.getloadavg()[0],
        pressure=read_pressure(tree),
        activity=watch(sample, processor.allowed, tree),
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        processor=processor,
        quota=read_quota(tree),
        memory=read_memory(tree),
        network=read_network(tree),
        open_files=read_open_files(),
        nice=read_nice(),
        disk_free=shutil.disk_usage(Path.cwd()).free,
        slowed_by=read_slowed_by(os.environ),
        preloaded=read_preloaded(os.environ),
    )
