//! The control group that a cluster's pods are in, so that two kubelets keep off each other's.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

/// Creates `/NAME` in every hierarchy: each controller's of version 1, or the one of version 2.
///
/// # Errors
/// The system does not allow it.
pub fn create(name: &str) -> Result<()> {
    let mounts = fs::read_to_string("/proc/mounts").context("/proc/mounts")?;
    for hierarchy in hierarchies(&mounts) {
        offer_controllers(&hierarchy);
        let group = hierarchy.join(name);
        fs::create_dir_all(&group).with_context(|| group.display().to_string())?;
    }
    Ok(())
}

/// Where control groups are. Where both versions are mounted, controllers are those of version 1.
fn hierarchies(mounts: &str) -> Vec<PathBuf> {
    let of_kind = |wanted: &str| {
        let lines = mounts.lines().filter_map(|line| {
            let mut fields = line.split(' ').skip(1);
            let (place, kind) = (fields.next()?, fields.next()?);
            (kind == wanted).then(|| PathBuf::from(place))
        });
        lines.collect::<Vec<_>>()
    };
    let first = of_kind("cgroup");
    if first.is_empty() { of_kind("cgroup2") } else { first }
}

/// Version 2 hands to a group's children only the controllers it is told to.
fn offer_controllers(hierarchy: &Path) {
    let controllers = fs::read_to_string(hierarchy.join("cgroup.controllers")).unwrap_or_default();
    for controller in controllers.split_whitespace() {
        // One that cannot be handed down is not needed; the kubelet names those that are.
        _ = fs::write(hierarchy.join("cgroup.subtree_control"), format!("+{controller}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_one_is_preferred_where_both_are() {
        let first = "cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\n\
                     cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0\n";
        let second = "cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n";
        let expected = ["/sys/fs/cgroup/cpu", "/sys/fs/cgroup/memory"].map(PathBuf::from);
        assert_eq!(hierarchies(&format!("{second}{first}")), expected);
        assert_eq!(hierarchies(second), [PathBuf::from("/sys/fs/cgroup/unified")]);
    }
}
