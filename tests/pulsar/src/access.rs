//! Who may use a broker.

/// Whom a broker lets in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Access {
    #[default]
    Everybody,
    /// Whoever shows [`TOKEN`].
    Token,
}

/// What the broker verifies tokens with, in base64.
const KEY: &str = "YSBrZXkgdGhhdCBvbmx5IHRlc3RzIHVzZSwgb2YgMjU2IGJpdHMgYW5kIG1vcmU=";

/// A JSON web token (HS256) of the role `admin`, signed with that key.
pub const TOKEN: &str =
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZG1pbiJ9.MkXl8rI8Y-YQXFOixSvcI-FRoXm5zv_SfPlwLvqE274";

impl Access {
    /// What a client shows.
    pub fn token(self) -> Option<&'static str> {
        match self {
            Self::Everybody => None,
            Self::Token => Some(TOKEN),
        }
    }

    /// The broker's settings for it.
    pub(crate) fn settings(self) -> Vec<(&'static str, String)> {
        let Some(token) = self.token() else { return Vec::new() };
        let provider = "org.apache.pulsar.broker.authentication.AuthenticationProviderToken";
        let plugin = "org.apache.pulsar.client.impl.auth.AuthenticationToken";
        vec![
            ("authenticationEnabled", "true".to_owned()),
            ("authenticationProviders", provider.to_owned()),
            ("tokenSecretKey", format!("data:;base64,{KEY}")),
            ("authorizationEnabled", "true".to_owned()),
            ("superUserRoles", "admin".to_owned()),
            // The broker is a client of its own, too.
            ("brokerClientAuthenticationPlugin", plugin.to_owned()),
            ("brokerClientAuthenticationParameters", format!("token:{token}")),
        ]
    }
}
