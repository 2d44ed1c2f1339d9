//! Conditions: the Conditions section and the functions that decide.

use std::sync::Arc;

use super::json::to_json;
use super::node::{Mark, Node, Value};
use super::{Diagnostic, Scope};

impl Scope<'_> {
    /// Whether a condition of the Conditions section holds. An unknown one is reported and holds, so that
    /// what depends on it is served; a cyclic one is reported and does not.
    #[must_use]
    pub fn condition(&self, name: &str, mark: &Mark) -> bool {
        if let Some(known) = self.conditions.borrow().get(name) {
            return known.unwrap_or_else(|| {
                let message = format!("the condition {name} depends on itself");
                self.findings()
                    .report(Diagnostic::error(message).at(mark.location()).path(format!("Conditions.{name}")));
                false
            });
        }
        let Some(definition) = self.template.root.at(&["Conditions", name]) else {
            let message = format!("there is no condition {name}, so AWS refuses to deploy this; here it holds");
            self.findings().report(Diagnostic::warning(message).at(mark.location()).help("define it under Conditions"));
            return true;
        };
        let name: Arc<str> = Arc::from(name);
        self.conditions.borrow_mut().insert(Arc::clone(&name), None);
        let holds = self.holds(definition);
        self.conditions.borrow_mut().insert(name, Some(holds));
        holds
    }

    /// Whether an expression of conditions holds.
    #[must_use]
    pub fn holds(&self, expression: &Node) -> bool {
        let Some((key, argument)) = expression.as_map().filter(|map| map.len() == 1).and_then(|map| map.iter().next())
        else {
            return self.literal(expression);
        };
        let operands = argument.as_list().unwrap_or_default();
        match key.text.as_ref() {
            "Condition" => argument.as_str().is_some_and(|name| self.condition(name, &argument.mark)),
            "Fn::And" => operands.iter().all(|operand| self.holds(operand)),
            "Fn::Or" => operands.iter().any(|operand| self.holds(operand)),
            "Fn::Not" => operands.first().is_some_and(|operand| !self.holds(operand)),
            "Fn::Equals" => self.equals(operands, argument),
            _ => self.eval(expression).is_some_and(|value| self.literal(&value)),
        }
    }

    fn literal(&self, value: &Node) -> bool {
        value.as_bool().unwrap_or_else(|| {
            let message =
                format!("a condition is made of Fn::Equals, Fn::And, Fn::Or, Fn::Not; this is {}", value.value.kind());
            self.findings().report(Diagnostic::error(message).at(value.mark.location()));
            false
        })
    }

    fn equals(&self, operands: &[Node], argument: &Node) -> bool {
        let [left, right] = operands else {
            self.findings().report(Diagnostic::error("Fn::Equals compares two values").at(argument.mark.location()));
            return false;
        };
        match (self.eval(left), self.eval(right)) {
            (Some(left), Some(right)) => same(&left, &right),
            (left, right) => left.is_none() && right.is_none(),
        }
    }
}

/// CloudFormation compares scalars as text: `true` equals `"true"`.
fn same(left: &Node, right: &Node) -> bool {
    match (left.scalar(), right.scalar()) {
        (Some(left), Some(right)) => left == right,
        (None, None) => match (&left.value, &right.value) {
            (Value::Null, Value::Null) => true,
            _ => to_json(left) == to_json(right),
        },
        _ => false,
    }
}
