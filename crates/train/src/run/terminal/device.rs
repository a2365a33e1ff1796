//! What a run computes on: the device that its user names, and the processor's cores.

use anyhow::{Result, bail, ensure};
use std::{num::NonZero, thread};
use tch::{Cuda, Device};

/// The device of that name.
///
/// # Errors
/// If it is unknown or not there: computing elsewhere in silence would be no help.
pub fn device(name: &str) -> Result<Device> {
    match name {
        "cpu" => Ok(Device::Cpu),
        "cuda" => {
            ensure!(
                Cuda::is_available(),
                "there is no CUDA device that this libtorch can use; take --device cpu"
            );
            Ok(Device::Cuda(0))
        }
        "mps" => {
            ensure!(
                tch::utils::has_mps(),
                "there is no MPS device that this libtorch can use; take --device cpu"
            );
            Ok(Device::Mps)
        }
        other => bail!("the device {other:?} is unknown; there are cpu, cuda and mps"),
    }
}

/// The processor's cores, counted without the second threads of each, which only get in each other's way in matrix products; no more
/// than this process may use at a time.
pub fn physical_cores() -> i32 {
    let allowed = thread::available_parallelism().map_or(1, NonZero::get); // by affinity and control group
    num_cpus::get_physical().min(allowed) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_device_is_refused_by_name() {
        let said = device("tpu").expect_err("no such device").to_string();
        assert!(said.starts_with("the device \"tpu\" is unknown"), "{said}");
    }
}
