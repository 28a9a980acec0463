//! Rules: which requests are which call.

use http::Method;
use http::uri::PathAndQuery;
use prost_reflect::{DynamicMessage, FieldDescriptor, MessageDescriptor, MethodDescriptor};

use super::template::Template;

/// The option of a method that has its rule.
const OPTION: &str = "google.api.http";

/// What of a message is the body.
pub(super) enum BodyRule {
    /// Nothing.
    None,
    /// All that the path does not bind.
    All,
    /// One field.
    Field(FieldDescriptor),
}

/// One rule of one method.
pub(super) struct Rule {
    pub(super) method: MethodDescriptor,
    /// The call's.
    pub(super) target: PathAndQuery,
    pub(super) template: Template,
    pub(super) body: BodyRule,
    /// The field of the answer that is its body; none: all of it.
    pub(super) response_body: Option<FieldDescriptor>,
    /// The request's; none: any.
    verb: Option<Method>,
}

impl Rule {
    /// The fields that the path of a request binds; none if the rule is not about it.
    pub(super) fn bind(&self, method: &Method, path: &str) -> Option<Vec<(String, String)>> {
        if self.verb.as_ref().is_some_and(|verb| verb != method) {
            return None;
        }
        self.template.bind(path)
    }

    /// Whether both are about the same requests.
    pub(super) fn contends_with(&self, other: &Self) -> bool {
        let same = self.template.rank() == other.template.rank() && self.verb == other.verb;
        same && self.method != other.method
    }
}

/// The rules of a method. One without any is a `POST` to its own name with all of it as body, as in gRPC
/// itself.
///
/// # Errors
///
/// What is wrong, with the method's name.
pub(super) fn of(method: &MethodDescriptor) -> Result<Vec<Rule>, String> {
    let named =
        |problem: String| format!("have a wrong rule for `{}`: {problem}", method.full_name());
    let extension = method.parent_pool().get_extension_by_name(OPTION);
    let options = method.options();
    let rule = extension
        .filter(|extension| options.has_extension(extension))
        .map(|extension| options.get_extension(&extension).into_owned());
    let Some(rule) = rule.as_ref().and_then(|rule| rule.as_message()) else {
        let target = target(method).map_err(named)?;
        let template = Template::parse(target.path()).map_err(named)?;
        return Ok(vec![Rule {
            method: method.clone(),
            target,
            template,
            body: BodyRule::All,
            response_body: None,
            verb: Some(Method::POST),
        }]);
    };
    let mut rules = vec![one(method, rule).map_err(named)?];
    let more = rule.get_field_by_name("additional_bindings");
    for further in more.iter().filter_map(|more| more.as_list()).flatten() {
        if let Some(further) = further.as_message() {
            rules.push(one(method, further).map_err(named)?);
        }
    }
    Ok(rules)
}

fn one(method: &MethodDescriptor, rule: &DynamicMessage) -> Result<Rule, String> {
    let (verb, path) = pattern(rule)?;
    let template = Template::parse(&path)?;
    let input = method.input();
    for field in template.fields() {
        check_path(&input, field)?;
    }
    let body = match &*text(rule, "body") {
        "" => BodyRule::None,
        "*" => BodyRule::All,
        name => BodyRule::Field(field(&input, name)?),
    };
    let response_body = match &*text(rule, "response_body") {
        "" => None,
        name => Some(field(&method.output(), name)?),
    };
    Ok(Rule {
        method: method.clone(),
        target: target(method)?,
        template,
        body,
        response_body,
        verb,
    })
}

fn pattern(rule: &DynamicMessage) -> Result<(Option<Method>, String), String> {
    for (name, verb) in [
        ("get", Method::GET),
        ("put", Method::PUT),
        ("post", Method::POST),
        ("delete", Method::DELETE),
        ("patch", Method::PATCH),
    ] {
        if rule.has_field_by_name(name) {
            return Ok((Some(verb), text(rule, name)));
        }
    }
    let custom = rule.get_field_by_name("custom");
    let custom = custom.as_ref().and_then(|custom| custom.as_message());
    let custom = custom.filter(|_| rule.has_field_by_name("custom"));
    let custom = custom.ok_or("has no path")?;
    let verb = match &*text(custom, "kind") {
        "*" => None,
        kind => {
            let kind = Method::from_bytes(kind.as_bytes());
            Some(kind.map_err(|_| "has a method that is none")?)
        }
    };
    Ok((verb, text(custom, "path")))
}

fn target(method: &MethodDescriptor) -> Result<PathAndQuery, String> {
    let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
    PathAndQuery::try_from(path).map_err(|_| "its name is no path".to_owned())
}

fn text(message: &DynamicMessage, name: &str) -> String {
    let value = message.get_field_by_name(name);
    let text = value.as_ref().and_then(|value| value.as_str());
    text.unwrap_or_default().to_owned()
}

fn field(message: &MessageDescriptor, name: &str) -> Result<FieldDescriptor, String> {
    let found = message.get_field_by_name(name);
    found.ok_or_else(|| format!("`{}` has no field `{name}`", message.full_name()))
}

/// A path may bind fields of fields, none of which is repeated.
fn check_path(message: &MessageDescriptor, path: &str) -> Result<(), String> {
    let mut message = Some(message.clone());
    for name in path.split('.') {
        let inside = message.ok_or_else(|| format!("`{path}` goes below a plain field"))?;
        let found = field(&inside, name)?;
        if found.is_list() || found.is_map() {
            return Err(format!("`{path}` is repeated, a path has one text"));
        }
        message = found.kind().as_message().cloned();
    }
    Ok(())
}
