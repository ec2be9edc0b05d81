use super::*;

const LASTS: Duration = Duration::from_secs(15);

fn lease(holder: Option<&str>, version: &str) -> Option<Lease> {
    let spec = LeaseSpec {
        holder_identity: holder.map(str::to_owned),
        lease_duration_seconds: Some(15),
        lease_transitions: Some(3),
        ..LeaseSpec::default()
    };
    let mut lease = Lease { spec: Some(spec), ..Lease::default() };
    lease.metadata.resource_version = Some(version.to_owned());
    Some(lease)
}

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn holder_of(claimed: &Result<Lease, String>) -> Option<&str> {
    claimed.as_ref().ok().and_then(holder)
}

#[test]
fn a_lease_that_is_not_there_is_created() {
    let claimed = Observed::default().claim("a", LASTS, at(0));
    assert_eq!(holder_of(&claimed), Some("a"));
    assert_eq!(claimed.unwrap().metadata.resource_version, None);
}

#[test]
fn anothers_lease_is_left_alone_until_it_has_not_changed_for_its_duration() {
    let mut observed = Observed::default();
    observed.see(lease(Some("b"), "1"), at(100));
    assert_eq!(observed.claim("a", LASTS, at(114)), Err("b".to_owned()));
    // Renewed: it counts from here, whatever times are written in it.
    observed.see(lease(Some("b"), "2"), at(114));
    assert_eq!(observed.claim("a", LASTS, at(128)), Err("b".to_owned()));
    // Seen again, unchanged.
    observed.see(lease(Some("b"), "2"), at(128));
    let claimed = observed.claim("a", LASTS, at(129));
    assert_eq!(holder_of(&claimed), Some("a"));
    let claimed = claimed.unwrap();
    // The API server refuses it if b renewed after all.
    assert_eq!(claimed.metadata.resource_version.as_deref(), Some("2"));
    assert_eq!(claimed.spec.unwrap().lease_transitions, Some(4));
}

#[test]
fn a_lease_that_was_given_up_is_taken_at_once() {
    for holder in [None, Some("")] {
        let mut observed = Observed::default();
        observed.see(lease(holder, "1"), at(0));
        assert_eq!(holder_of(&observed.claim("a", LASTS, at(0))), Some("a"));
    }
}

#[test]
fn a_renewal_keeps_when_it_was_acquired() {
    let mut observed = Observed::default();
    let mut first = observed.claim("a", LASTS, at(0)).unwrap();
    first.metadata.resource_version = Some("1".to_owned());
    let acquired = first.spec.clone().unwrap().acquire_time;
    observed.see(Some(first), at(0));
    let renewed = observed.claim("a", LASTS, at(2)).unwrap().spec.unwrap();
    assert_eq!((renewed.acquire_time, renewed.lease_transitions), (acquired, Some(1)));
}

#[test]
fn only_the_holder_gives_it_up() {
    let mut observed = Observed::default();
    observed.see(lease(Some("b"), "1"), at(0));
    assert_eq!(observed.given_up("a"), None);
    let given_up = observed.given_up("b").unwrap();
    assert_eq!(holder(&given_up), None);
    assert_eq!(given_up.metadata.resource_version.as_deref(), Some("1"));
}
