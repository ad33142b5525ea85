"""All fault tests, in the order of the table."""

from chaos import (
    f01_growing_log,
    f02_many_queued,
    f03_sub_runs,
    r01_killed_horse,
    r02_killed_worker,
    r03_frozen_worker,
    r04_lost_record,
    r05_half_checkpoint,
    r06_lost_redis,
    r07_lost_postgres,
    r08_many_jobs,
    r09_dropped_viewer,
    r10_stopped_run,
    r11_shutdown,
    r12_flood,
    r13_slow_viewer,
    r14_faulty_provider,
    r16_anything,
)
from chaos.fault import Fault

FAULTS: dict[str, Fault] = {
    module.FAULT.id: module.FAULT
    for module in (
        r01_killed_horse,
        r02_killed_worker,
        r03_frozen_worker,
        r04_lost_record,
        r05_half_checkpoint,
        r06_lost_redis,
        r07_lost_postgres,
        r08_many_jobs,
        r09_dropped_viewer,
        r10_stopped_run,
        r11_shutdown,
        r12_flood,
        r13_slow_viewer,
        r14_faulty_provider,
        r16_anything,
        f01_growing_log,
        f02_many_queued,
        f03_sub_runs,
    )
}
