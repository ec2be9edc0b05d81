//! Reads a package reference.

use std::{fmt, path::PathBuf};

use oci_client::Reference;
use url::Url;

const ACCEPTED: &str = "expected a path, file://, http(s)://, \
                        function://tenant/namespace/name@version, oci://registry/repository:tag \
                        or oci://registry/repository@sha256:…";

#[derive(Clone, Debug)]
pub(super) enum Location {
    File(PathBuf),
    Http(Url),
    Pulsar(PackageName),
    Oci(Image),
}

/// A package of Pulsar's package service, of the type `function`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PackageName {
    pub(super) tenant: String,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) version: String,
}

/// An image in a registry.
#[derive(Clone, Debug)]
pub(super) struct Image {
    pub(super) reference: Reference,
    /// The registry speaks plain HTTP: asked for, or on this host.
    pub(super) plain: bool,
}

impl Location {
    /// # Errors
    /// What is wrong with the reference, and what is accepted.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let Some((scheme, rest)) = text.split_once("://") else {
            if text.trim().is_empty() {
                return Err(format!("the reference is empty; {ACCEPTED}"));
            }
            return Ok(Self::File(text.into()));
        };
        match scheme {
            "file" => Url::parse(text)
                .ok()
                .and_then(|url| url.to_file_path().ok())
                .map(Self::File)
                .ok_or_else(|| "expected file:/// and an absolute path".to_owned()),
            "http" | "https" => Url::parse(text).map(Self::Http).map_err(|wrong| wrong.to_string()),
            "function" => PackageName::parse(rest).map(Self::Pulsar),
            "oci" => Image::parse(rest, false).map(Self::Oci),
            "oci+http" => Image::parse(rest, true).map(Self::Oci),
            other => Err(format!("{other}:// is not known; {ACCEPTED}")),
        }
    }
}

impl PackageName {
    fn parse(rest: &str) -> Result<Self, String> {
        let (path, version) = rest.split_once('@').unwrap_or((rest, ""));
        let parts: Vec<_> = path.split('/').collect();
        let [tenant, namespace, name] = parts[..] else {
            return Err("expected function://tenant/namespace/name@version".to_owned());
        };
        let legal = |part: &str| {
            !part.is_empty() && part != "." && part != ".." && !part.contains(['?', '#', '%'])
        };
        if ![tenant, namespace, name, version].into_iter().all(legal) || version.contains('/') {
            return Err(
                "expected function://tenant/namespace/name@version, each a plain name".to_owned()
            );
        }
        Ok(Self {
            tenant: tenant.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            version: version.to_owned(),
        })
    }
}

impl Image {
    fn parse(rest: &str, plain: bool) -> Result<Self, String> {
        let reference: Reference = rest.parse().map_err(|wrong| format!("{wrong}"))?;
        // A name without a registry would silently be one of Docker Hub's.
        if !rest.starts_with(&format!("{}/", reference.registry())) {
            return Err(format!(
                "expected oci://registry/repository, with a registry such as ghcr.io or \
                 localhost:5000; on Docker Hub it is oci://docker.io/{rest}"
            ));
        }
        let registry = reference.registry();
        let host = registry.rsplit_once(':').map_or(registry, |(host, _port)| host);
        let local = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
        Ok(Self { reference, plain: plain || local })
    }
}

impl fmt::Display for PackageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tenant, namespace, name, version } = self;
        write!(f, "function://{tenant}/{namespace}/{name}@{version}")
    }
}

/// As in logs and errors: without credentials.
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Http(url) => f.write_str(&redacted(url.as_str())),
            Self::Pulsar(name) => name.fmt(f),
            Self::Oci(image) => write!(f, "oci://{}", image.reference),
        }
    }
}

/// A URL without user, password and query, which may hold a signature.
pub(super) fn redacted(text: &str) -> String {
    let Ok(mut url) = Url::parse(text) else { return text.to_owned() };
    if url.cannot_be_a_base() {
        return text.to_owned();
    }
    // These fail only for URLs that have no such part.
    _ = url.set_username("");
    _ = url.set_password(None);
    if url.query().is_some() {
        url.set_query(Some("…"));
        return url.to_string().replace("%E2%80%A6", "…");
    }
    url.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(text: &str) -> String {
        Location::parse(text).unwrap_err()
    }

    #[test]
    fn paths_are_files() {
        for (text, path) in
            [("f.wasm", "f.wasm"), ("/a b/f.wasm", "/a b/f.wasm"), ("file:///a%20b", "/a b")]
        {
            let Location::File(found) = Location::parse(text).unwrap() else { panic!("{text}") };
            assert_eq!(found, PathBuf::from(path));
        }
        assert_eq!(refused("file://a/b"), "expected file:/// and an absolute path");
    }

    #[test]
    fn a_package_name_has_four_parts() {
        let Location::Pulsar(name) = Location::parse("function://t/ns/f@1.0").unwrap() else {
            panic!()
        };
        assert_eq!(name.to_string(), "function://t/ns/f@1.0");
        for text in ["t/ns/f", "t/f@1", "t/ns/f/x@1", "t//f@1", "t/../f@1", "t/ns/f@", "t/ns/f@1/2"]
        {
            assert!(refused(&format!("function://{text}")).starts_with("expected function://"));
        }
    }

    #[test]
    fn an_image_names_its_registry() {
        let plain = |text: &str| match Location::parse(text) {
            Ok(Location::Oci(image)) => image.plain,
            other => panic!("{text}: {other:?}"),
        };
        assert!(!plain("oci://ghcr.io/a/b:1"));
        assert!(plain("oci+http://registry.svc:5000/a/b:1"));
        assert!(plain("oci://localhost:5000/a/b:1"));
        assert!(plain("oci://127.0.0.1:5000/a:1"));
        assert!(refused("oci://team/f:1").contains("oci://docker.io/team/f:1"));
    }

    #[test]
    fn what_is_not_known_is_refused_with_what_is() {
        assert!(refused("builtin://f").starts_with("builtin:// is not known; expected a path"));
        assert!(refused(" ").starts_with("the reference is empty"));
    }

    #[test]
    fn credentials_are_not_shown() {
        let location = Location::parse("https://me:secret@host/f.wasm?sig=secret").unwrap();
        assert_eq!(location.to_string(), "https://host/f.wasm?…");
        assert_eq!(redacted("function://t/ns/f@1"), "function://t/ns/f@1");
    }
}
