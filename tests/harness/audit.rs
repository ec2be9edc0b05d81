//! The API server's audit log: who wrote what, and what pods asked. Counts writes, and proves what
//! a role may do.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};
use serde_json::Value;

/// One request: of those that would change something or lead into a container every one, of others
/// those of service accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// `admin` for tests and whoever has the administrator's kubeconfig;
    /// `system:serviceaccount:NAMESPACE:NAME`; `system:kube-controller-manager`, `system:node:node1`.
    pub user: String,
    /// The pod that asked, if one did.
    pub pod: String,
    /// How the program calls itself, such as `function-mesh-controller/0.1.0`.
    pub agent: String,
    /// `create`, `update`, `patch`, `delete`, `deletecollection`; `get`, `list`, `watch`.
    pub verb: String,
    /// Plural, with the subresource: `statefulsets`, `functions/status`. Empty for what is no
    /// resource.
    pub resource: String,
    /// The path, with its query.
    pub uri: String,
    pub namespace: String,
    pub name: String,
    /// The HTTP status of the answer: 403 where a role does not allow it.
    pub code: u64,
    /// When the request came, as RFC 3339 text with microseconds.
    pub at: String,
}

impl Request {
    /// Whether it would change something, or lead into a container.
    pub fn is_write(&self) -> bool {
        let leads_in = ["pods/exec", "pods/attach", "pods/portforward"];
        !["get", "list", "watch"].contains(&self.verb.as_str())
            || leads_in.contains(&self.resource.as_str())
    }
}

/// Every request that is logged so far, in the order in which they were answered. A watch is there
/// twice: when it begins, and when it ends.
///
/// # Errors
/// The log cannot be read.
pub fn requests(log: &Path) -> Result<Vec<Request>> {
    let log = fs::read_to_string(log).with_context(|| log.display().to_string())?;
    // The last line may be half written.
    Ok(log.lines().filter_map(|line| request(&serde_json::from_str(line).ok()?)).collect())
}

/// Every write so far, likewise.
///
/// # Errors
/// The log cannot be read.
pub fn writes(log: &Path) -> Result<Vec<Request>> {
    let mut requests = requests(log)?;
    requests.retain(Request::is_write);
    Ok(requests)
}

fn request(event: &Value) -> Option<Request> {
    let text = |pointer: &str| {
        event.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let mut resource = text("/objectRef/resource");
    let subresource = text("/objectRef/subresource");
    if !subresource.is_empty() {
        resource = format!("{resource}/{subresource}");
    }
    Some(Request {
        user: text("/user/username"),
        pod: text("/user/extra/authentication.kubernetes.io~1pod-name/0"),
        agent: text("/userAgent"),
        verb: text("/verb"),
        resource,
        uri: text("/requestURI"),
        namespace: text("/objectRef/namespace"),
        name: text("/objectRef/name"),
        code: event.pointer("/responseStatus/code")?.as_u64()?,
        at: text("/requestReceivedTimestamp"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_who_wrote_what_and_whether_it_was_allowed() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("audit.log");
        let line = r#"{"kind":"Event","verb":"patch","userAgent":"kubectl/v1",
            "user":{"username":"system:serviceaccount:n:a",
            "extra":{"authentication.kubernetes.io/pod-name":["a-0"]}},
            "requestURI":"/apis/compute.functionmesh.io/v1alpha1/namespaces/n/functions/f/status",
            "objectRef":{"resource":"functions","subresource":"status","namespace":"n","name":"f"},
            "responseStatus":{"code":403},"requestReceivedTimestamp":"2026-01-02T03:04:05.000006Z"}"#;
        let line = line.replace('\n', "");
        let read = line.replace("patch", "get");
        fs::write(&log, format!("{line}\n{read}\n{{\"kind\":\"Ev")).unwrap();
        let expected = Request {
            user: "system:serviceaccount:n:a".to_owned(),
            pod: "a-0".to_owned(),
            agent: "kubectl/v1".to_owned(),
            verb: "patch".to_owned(),
            resource: "functions/status".to_owned(),
            uri: "/apis/compute.functionmesh.io/v1alpha1/namespaces/n/functions/f/status"
                .to_owned(),
            namespace: "n".to_owned(),
            name: "f".to_owned(),
            code: 403,
            at: "2026-01-02T03:04:05.000006Z".to_owned(),
        };
        assert_eq!(writes(&log).unwrap(), [expected]);
        assert_eq!(requests(&log).unwrap().len(), 2);
    }

    #[test]
    fn a_way_into_a_container_is_a_write_although_it_is_got() {
        let event = r#"{"verb":"get","objectRef":{"resource":"pods","subresource":"exec"},
            "responseStatus":{"code":101}}"#;
        let event = serde_json::from_str(event).unwrap();
        assert!(request(&event).unwrap().is_write());
    }
}
