//! Replicas, autoscalers and resources.
//!
//! What an autoscaler has set may stay outside new bounds for the moment: the autoscaler corrects
//! it, and nobody else could apply the new bounds to a function that runs. Hence `oldSelf`.

use super::{ALL_THREE, FUNCTION, Reason, Rule, SOURCE, rules};

/// The amount of a resource, where it is given.
macro_rules! amount {
    ($of:literal, $resource:literal) => {
        concat!("quantity(string(self.", $of, "[", $resource, "]))")
    };
}

/// The replicas are what they were.
macro_rules! unchanged {
    () => {
        "(oldSelf.hasValue() && has(oldSelf.value().replicas) && oldSelf.value().replicas == self.replicas)"
    };
}

rules! {
    REPLICAS_NEGATIVE: ALL_THREE at "spec", Invalid ".replicas",
        holds "",
        expected "0 or more: 0 stops it";

    MIN_REPLICAS_NEGATIVE: ALL_THREE at "spec", Invalid ".minReplicas",
        holds "",
        expected "0 or more";

    REPLICAS_ABOVE_MAX: ALL_THREE at "spec", Invalid ".replicas",
        holds concat!("!has(self.replicas) || !has(self.maxReplicas) || self.replicas <= self.maxReplicas || ", unchanged!()),
        expected "at most maxReplicas: the autoscaler would remove the others at once. Lower replicas or raise maxReplicas";

    STOPPED_WITH_AUTOSCALER: ALL_THREE at "spec", Invalid ".replicas",
        holds "!has(self.replicas) || self.replicas != 0 || !has(self.maxReplicas) || has(self.autoscaling)",
        expected "1 or more, since maxReplicas turns autoscaling on, which does not start from 0. Remove maxReplicas to stop it, or scale on the backlog with autoscaling";

    MIN_REPLICAS_ZERO: ALL_THREE at "spec", Invalid ".minReplicas",
        holds "!has(self.minReplicas) || self.minReplicas != 0 || !has(self.maxReplicas) || has(self.autoscaling)",
        expected "1 or more, since maxReplicas turns autoscaling on, and a HorizontalPodAutoscaler cannot go to 0. To scale to 0, scale on the backlog with autoscaling";

    MIN_REPLICAS_ABOVE_REPLICAS: ALL_THREE at "spec", Invalid ".minReplicas",
        holds concat!("!has(self.minReplicas) || !has(self.replicas) || self.replicas == 0 || self.minReplicas <= self.replicas
            || has(self.autoscaling) || (has(self.maxReplicas) && ", unchanged!(), ")"),
        expected "at most replicas. Raise replicas, or leave it out: it is minReplicas then";

    MIN_REPLICAS_ABOVE_MAX: ALL_THREE at "spec", Invalid ".minReplicas",
        holds "!has(self.minReplicas) || !has(self.maxReplicas) || self.minReplicas <= self.maxReplicas",
        expected "at most maxReplicas: no number of replicas is in these bounds. Lower minReplicas, which is 1 if left out, or raise maxReplicas";

    MAX_REPLICAS_ZERO: ALL_THREE at "spec", Invalid ".maxReplicas",
        holds "!has(self.maxReplicas) || self.maxReplicas >= 1",
        expected "1 or more. To stop it, remove maxReplicas and set replicas to 0";

    VPA_WITH_MAX_REPLICAS: ALL_THREE at "spec", Forbidden ".pod.vpa",
        holds "!has(self.maxReplicas) || !has(self.pod) || !has(self.pod.vpa)",
        expected "no vpa together with maxReplicas: two autoscalers would work against each other. Remove one of them";

    VPA_WITH_BACKLOG: ALL_THREE at "spec", Forbidden ".pod.vpa",
        holds "!has(self.autoscaling) || !has(self.pod) || !has(self.pod.vpa)",
        expected "no vpa together with autoscaling: two autoscalers would work against each other. Remove one of them";

    VPA_CONTAINER_NAME: ALL_THREE at "spec.pod.vpa.resourcePolicy.containerPolicies[]", Required ".containerName",
        holds "has(self.containerName) && self.containerName != ''",
        expected "the name of the container that the policy is for, or * for all";

    BACKLOG_OF_SOURCE: SOURCE at "spec", Forbidden ".autoscaling",
        holds "!has(self.autoscaling)",
        expected "no autoscaling: a source consumes no topic, so nothing waits for it. Set maxReplicas alone to scale on CPU";

    BACKLOG_WITHOUT_MAX: ALL_THREE at "spec", Required ".maxReplicas",
        holds "!has(self.autoscaling) || has(self.maxReplicas)",
        expected "maxReplicas, since autoscaling is set: it is the most replicas to start";

    BACKLOG_WITH_METRICS: ALL_THREE at "spec", Forbidden ".autoscaling",
        holds "!has(self.autoscaling) || !has(self.pod)
            || !(has(self.pod.builtinAutoscaler) || has(self.pod.autoScalingMetrics) || has(self.pod.autoScalingBehavior))",
        expected "no autoscaling together with pod.builtinAutoscaler, pod.autoScalingMetrics or pod.autoScalingBehavior: two autoscalers would work against each other. Remove one of them";

    BACKLOG_PER_REPLICA: ALL_THREE at "spec.autoscaling", Invalid ".backlogPerReplica",
        holds "self.backlogPerReplica >= 1",
        expected "1 or more entries; messages that a producer sent as one batch are one entry";

    BACKLOG_MIN: ALL_THREE at "spec.autoscaling", Invalid ".min",
        holds "!has(self.min) || self.min >= 0",
        expected "0 or more: 0 stops it while nothing waits";

    BACKLOG_MIN_ABOVE_MAX: ALL_THREE at "spec", Invalid ".autoscaling.min",
        holds "!has(self.autoscaling) || !has(self.autoscaling.min) || !has(self.maxReplicas) || self.autoscaling.min <= self.maxReplicas",
        expected "at most maxReplicas: no number of replicas is in these bounds. Lower min or raise maxReplicas";

    BACKLOG_SKIPPED: FUNCTION at "spec", Invalid ".skipToLatest",
        holds "!has(self.skipToLatest) || !self.skipToLatest || !has(self.autoscaling) || (has(self.autoscaling.min) && self.autoscaling.min > 0)",
        expected "false, since autoscaling goes to 0: what arrives while nothing runs would be skipped by the pod that is started for it. Remove it, or set autoscaling.min to 1 or more";

    BACKLOG_COOLDOWN: ALL_THREE at "spec.autoscaling", Invalid ".cooldownSeconds",
        holds "!has(self.cooldownSeconds) || self.cooldownSeconds >= 0",
        expected "0 or more seconds";

    BUILTIN_UNKNOWN: ALL_THREE at "spec.pod.builtinAutoscaler[]", Invalid "",
        holds "self.matches('^AverageUtilization(CPU|Memory)Percent(80|50|20)$')",
        expected "AverageUtilizationCPUPercent80, 50 or 20, or AverageUtilizationMemoryPercent80, 50 or 20";

    BUILTIN_CPU_TWICE: FUNCTION at "spec.pod.builtinAutoscaler", Invalid "",
        holds "self.filter(rule, rule.startsWith('AverageUtilizationCPU')).size() <= 1",
        expected "one rule for CPU at most: only one target can be kept. Remove the others";

    BUILTIN_MEMORY_TWICE: FUNCTION at "spec.pod.builtinAutoscaler", Invalid "",
        holds "self.filter(rule, rule.startsWith('AverageUtilizationMemory')).size() <= 1",
        expected "one rule for memory at most: only one target can be kept. Remove the others";

    QUANTITY: ALL_THREE at "spec.resources", Invalid ".requests",
        holds "",
        expected "a quantity, such as 2, 100m or 1.5Gi";

    REQUESTED_MEMORY: ALL_THREE at "spec.resources", Invalid ".requests",
        holds concat!("!has(self.requests) || !('memory' in self.requests) || ", amount!("requests", "'memory'"), ".isGreaterThan(quantity('0'))"),
        expected "memory above 0, or no memory at all for the default";

    LIMITED_MEMORY: ALL_THREE at "spec.resources", Invalid ".limits",
        holds concat!("!has(self.limits) || !('memory' in self.limits) || ", amount!("limits", "'memory'"), ".isGreaterThan(quantity('0'))"),
        expected "memory above 0, or no memory at all for the default";

    REQUEST_NEGATIVE: ALL_THREE at "spec.resources", Invalid ".requests",
        holds concat!("!has(self.requests) || ['cpu', 'storage', 'ephemeral-storage'].all(of, !(of in self.requests) || !",
            amount!("requests", "of"), ".isLessThan(quantity('0')))"),
        expected "no negative amounts";

    LIMIT_NEGATIVE: ALL_THREE at "spec.resources", Invalid ".limits",
        holds concat!("!has(self.limits) || ['cpu', 'storage', 'ephemeral-storage'].all(of, !(of in self.limits) || !",
            amount!("limits", "of"), ".isLessThan(quantity('0')))"),
        expected "no negative amounts";

    REQUEST_ABOVE_LIMIT: ALL_THREE at "spec.resources", Invalid ".requests",
        holds concat!("!has(self.requests) || !has(self.limits) || ['cpu', 'memory', 'storage', 'ephemeral-storage'].all(of,
            !(of in self.requests) || !(of in self.limits) || ", amount!("requests", "of"), ".compareTo(", amount!("limits", "of"), ") <= 0)"),
        expected "at most the limits: Kubernetes starts no pod that asks for more than it may use. Lower requests or raise limits";
}
