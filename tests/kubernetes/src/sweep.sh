# Ends everything that a cluster left on this machine, and removes its state.
#
#   sweep.sh STATE          now
#   sweep.sh STATE wait     when standard input closes: its owner is gone
#
# A shell script, because it must outlive whoever started the cluster. Processes are ended by their
# number only, after a look at whether the number is still theirs.
state=$1
if [ "${2:-}" = wait ]; then
    read -r _
fi
[ -d "$state" ] || exit 0
# Name of the bridge, the pods' network and their control group; a control plane has none.
name=$(cat "$state/network" 2>/dev/null)

# The kubelet and containerd first, in one go with the others: nothing may come back.
for file in "$state"/run/*.pid; do
    [ -f "$file" ] || continue
    pid=$(cat "$file")
    if grep -qaF -- "$state/" "/proc/$pid/cmdline" 2>/dev/null; then
        kill -KILL "$pid" 2>/dev/null
    fi
done

if [ -n "$name" ]; then
    # What keeps a container when containerd is gone.
    for file in $(grep -laF -- "$state/containerd.sock" /proc/[0-9]*/cmdline 2>/dev/null); do
        pid=${file#/proc/}
        pid=${pid%/cmdline}
        if [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = containerd-shim ]; then
            kill -KILL "$pid" 2>/dev/null
        fi
    done
    groups=$(find /sys/fs/cgroup -maxdepth 2 -type d -name "$name" 2>/dev/null)
    tries=0
    while [ -n "$groups" ] && [ "$tries" -lt 100 ]; do
        # shellcheck disable=SC2086
        members=$(find $groups -name cgroup.procs -exec cat {} + 2>/dev/null | sort -u)
        [ -n "$members" ] || break
        # shellcheck disable=SC2086
        kill -KILL $members 2>/dev/null
        tries=$((tries + 1))
        sleep 0.05
    done

    # What containerd and its helpers keep outside of the state directory, by container.
    for bundle in "$state"/containerd-run/io.containerd.runtime.v2.task/k8s.io/*; do
        [ -d "$bundle" ] || continue
        id=${bundle##*/}
        socket=$(cat "$bundle/address" 2>/dev/null)
        rm -f "${socket#unix://}" "/var/lib/cni/results/cni-loopback-$id-"*
        rm -rf "/run/containerd/runc/k8s.io/$id"
    done
    rm -f "/var/lib/cni/results/$name-"*
    ip link delete "$name" 2>/dev/null
    find /var/log/containers -lname "$state/*" -delete 2>/dev/null
fi

awk -v state="$state/" 'index($2, state) == 1 { print $2 }' /proc/mounts | sort -r |
    while read -r mounted; do
        umount -l "$mounted" 2>/dev/null
    done
if [ -n "$name" ]; then
    # Empty ones only can be removed, inner ones first.
    # shellcheck disable=SC2086
    [ -z "$groups" ] || find $groups -depth -type d -exec rmdir {} + 2>/dev/null
fi
# Never into what is still mounted from elsewhere.
rm -rf --one-file-system -- "$state"
exit 0
