//! The API server's audit log: who wrote what. Counts writes, and proves what a role may do.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};
use serde_json::Value;

/// One request that would change something, or lead into a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// `admin` for tests and whoever has the administrator's kubeconfig;
    /// `system:serviceaccount:NAMESPACE:NAME`; `system:kube-controller-manager`, `system:node:node1`.
    pub user: String,
    /// How the program calls itself, such as `function-mesh-controller/0.1.0`.
    pub agent: String,
    /// `create`, `update`, `patch`, `delete`, `deletecollection`.
    pub verb: String,
    /// Plural, with the subresource: `statefulsets`, `functions/status`.
    pub resource: String,
    pub namespace: String,
    pub name: String,
    /// The HTTP status of the answer: 403 where a role does not allow it.
    pub code: u64,
    /// When the request came, as RFC 3339 text with microseconds.
    pub at: String,
}

/// Every write so far, in the order in which they were answered.
///
/// # Errors
/// The log cannot be read.
pub fn writes(log: &Path) -> Result<Vec<Write>> {
    let log = fs::read_to_string(log).with_context(|| log.display().to_string())?;
    // The last line may be half written.
    Ok(log.lines().filter_map(|line| write(&serde_json::from_str(line).ok()?)).collect())
}

fn write(event: &Value) -> Option<Write> {
    let text = |pointer: &str| {
        event.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let mut resource = text("/objectRef/resource");
    let subresource = text("/objectRef/subresource");
    if !subresource.is_empty() {
        resource = format!("{resource}/{subresource}");
    }
    Some(Write {
        user: text("/user/username"),
        agent: text("/userAgent"),
        verb: text("/verb"),
        resource,
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
        let line = r#"{"kind":"Event","verb":"patch","user":{"username":"admin"},"userAgent":"kubectl/v1",
            "objectRef":{"resource":"functions","subresource":"status","namespace":"n","name":"f"},
            "responseStatus":{"code":403},"requestReceivedTimestamp":"2026-01-02T03:04:05.000006Z"}"#;
        let line = line.replace('\n', "");
        fs::write(&log, format!("{line}\n{{\"kind\":\"Ev")).unwrap();
        let expected = Write {
            user: "admin".to_owned(),
            agent: "kubectl/v1".to_owned(),
            verb: "patch".to_owned(),
            resource: "functions/status".to_owned(),
            namespace: "n".to_owned(),
            name: "f".to_owned(),
            code: 403,
            at: "2026-01-02T03:04:05.000006Z".to_owned(),
        };
        assert_eq!(writes(&log).unwrap(), [expected]);
    }
}
