//! Account contacts by the values of their custom fields: a condition is checked against its field like a value is, and
//! compared as the field's type asks.

use std::{borrow::Cow, cmp::Ordering, collections::HashMap};

use sea_orm::{
    ColumnTrait, DbBackend, QueryFilter, QuerySelect, QueryTrait,
    sea_query::{BinOper, CaseStatement, Expr, ExprTrait, Func, Query},
};
use serde_json::{Value as Json, json};

use super::form;
use crate::{
    entity::{
        Decimal, Scoped,
        custom_field::{Column, Entity, FieldType, Model},
        custom_field_value as value,
        id::{CustomFieldId, OrganizationId},
    },
    error::{AppError, AppResult},
    service::{
        ReadContext,
        filter::{Filter, certain, contains, is_storable, starts_with},
        input::NOT_FOUND,
        text,
    },
};

/// The value for SQLite's functions, which fail the whole statement for one that is not JSON.
const READABLE: &str = "CASE WHEN json_valid(custom_field_value.value) THEN custom_field_value.value END";

/// The collation by which SQLite compares decimals, see [`compare_decimals`].
pub(in crate::service) const DECIMAL_COLLATION: &str = "contact_gateway_decimal";

/// Compares two decimals with all their digits, as PostgreSQL's `numeric` does.
pub(in crate::service) fn compare_decimals(one: &str, other: &str) -> Ordering {
    Decimal::of(one).cmp(&Decimal::of(other))
}

/// A condition on the value of one custom field.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ValueFilter {
    /// Where the comparison stands in the arguments.
    path: Vec<Cow<'static, str>>,
    custom_field_id: String,
    comparison: ValueComparison,
    /// The field, once it was looked up.
    field: Option<(CustomFieldId, FieldType)>,
}

/// How a value compares. A contact without a value compares with nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ValueComparison {
    /// It is this.
    Equal(Json),
    /// It is one of these.
    In(Vec<Json>),
    /// It is less.
    Less(Json),
    /// It is less or equal.
    LessOrEqual(Json),
    /// It is greater.
    Greater(Json),
    /// It is greater or equal.
    GreaterOrEqual(Json),
    /// Its text has this part, or it has this choice among others.
    Contains(String),
    /// Its text begins so.
    StartsWith(String),
    /// There is one.
    Exists,
}

impl ValueComparison {
    /// Whether values of the type can be compared so.
    const fn suits(&self, field_type: FieldType) -> bool {
        use FieldType::{Boolean, Date, DateTime, Decimal, Integer, MultiChoice};
        match self {
            Self::Equal(_) | Self::In(_) | Self::Exists => true,
            Self::Less(_) | Self::LessOrEqual(_) | Self::Greater(_) | Self::GreaterOrEqual(_) => {
                matches!(field_type, Integer | Decimal | Date | DateTime)
            }
            Self::Contains(_) => !matches!(field_type, Integer | Decimal | Date | DateTime | Boolean),
            Self::StartsWith(_) => {
                !matches!(field_type, Integer | Decimal | Date | DateTime | Boolean | MultiChoice)
            }
        }
    }

    /// The same with its values in the form in which they are stored; the message when they do not fit.
    fn checked(&self, field: &Model) -> Result<Self, Cow<'static, str>> {
        let check = |value: &Json| form::check(field, value, true).map_err(|(_, message)| message);
        Ok(match self {
            Self::Equal(value) => Self::Equal(check(value)?),
            Self::In(values) => Self::In(values.iter().map(check).collect::<Result<_, _>>()?),
            Self::Less(value) => Self::Less(check(value)?),
            Self::LessOrEqual(value) => Self::LessOrEqual(check(value)?),
            Self::Greater(value) => Self::Greater(check(value)?),
            Self::GreaterOrEqual(value) => Self::GreaterOrEqual(check(value)?),
            Self::Contains(_) | Self::StartsWith(_) | Self::Exists => self.clone(),
        })
    }
}

impl ValueFilter {
    /// A condition as a client writes it; `path` is where the comparison stands in the arguments, beside the field's id.
    pub fn new(path: Vec<Cow<'static, str>>, custom_field_id: String, comparison: ValueComparison) -> Self {
        Self { path, custom_field_id, comparison, field: None }
    }

    fn refused(&self, message: impl Into<Cow<'static, str>>) -> AppError {
        AppError::Argument { path: self.path.clone(), message: message.into() }
    }

    fn without_field(&self) -> AppError {
        let mut path = self.path.clone();
        path.pop();
        path.push(Cow::Borrowed("customFieldId"));
        AppError::Argument { path, message: NOT_FOUND.into() }
    }

    fn checked(&self, fields: &HashMap<CustomFieldId, Model>) -> AppResult<Self> {
        let id = self.custom_field_id.parse().ok();
        let field = id.and_then(|id| fields.get(&id)).ok_or_else(|| self.without_field())?;
        if !self.comparison.suits(field.field_type) {
            return Err(
                self.refused("The type of the field does not support this comparison. Use eq, in or isNull.")
            );
        }
        let comparison = self.comparison.checked(field).map_err(|message| self.refused(message))?;
        Ok(Self { comparison, field: Some((field.id, field.field_type)), ..self.clone() })
    }
}

/// The filter with its conditions on custom fields checked against the fields, which are looked up in one statement.
pub(in crate::service) async fn checked(ctx: ReadContext<'_>, filter: &Filter) -> AppResult<Filter> {
    let mut ids: Vec<CustomFieldId> = Vec::new();
    filter.visit(&mut |filter| {
        if let Filter::CustomField(condition) = filter {
            ids.extend(condition.custom_field_id.parse::<CustomFieldId>().ok());
        }
    });
    let fields = Entity::find_in(ctx.organization).filter(ctx.keys_in(Column::Id, ids)).all(ctx.db).await?;
    let fields: HashMap<_, _> = fields.into_iter().map(|field| (field.id, field)).collect();
    filter.try_map(&|filter| match filter {
        Filter::CustomField(condition) => condition.checked(&fields).map(Filter::CustomField),
        other => Ok(other.clone()),
    })
}

/// Whether the contact has a value that compares so.
pub(in crate::service) fn condition(
    backend: DbBackend,
    organization: OrganizationId,
    filter: &ValueFilter,
) -> Expr {
    let Some((field, field_type)) = filter.field else { return Expr::cust("1 = 0") };
    let contacts = value::Entity::find_in(organization)
        .filter(value::Column::CustomFieldId.eq(field))
        .filter(Value { backend, field, field_type }.compares(&filter.comparison))
        .select_only()
        .expr(Expr::col(("custom_field_value", "account_contact_id")));
    let is_one = Expr::col(("account_contact", "id")).in_subquery(contacts.into_query());
    // As for relations, see `Scope::is_one_of`: PostgreSQL does not make it a join then.
    if backend == DbBackend::Postgres { certain(is_one) } else { is_one }
}

/// A value in a statement.
struct Value {
    backend: DbBackend,
    field: CustomFieldId,
    field_type: FieldType,
}

impl Value {
    fn compares(&self, comparison: &ValueComparison) -> Expr {
        match comparison {
            ValueComparison::Equal(value) => self.equals(value),
            ValueComparison::In(values) => self.is_one_of(values),
            ValueComparison::Less(value) => self.ordered().lt(self.operand(value)),
            ValueComparison::LessOrEqual(value) => self.ordered().lte(self.operand(value)),
            ValueComparison::Greater(value) => self.ordered().gt(self.operand(value)),
            ValueComparison::GreaterOrEqual(value) => self.ordered().gte(self.operand(value)),
            ValueComparison::Contains(part) if self.field_type == FieldType::MultiChoice => {
                self.has_choice(part)
            }
            ValueComparison::Contains(part) => contains(self.backend, self.text(), self.part(part)),
            ValueComparison::StartsWith(start) => starts_with(self.text(), self.part(start)),
            ValueComparison::Exists => Expr::cust("1 = 1"),
        }
    }

    /// Whether a collation compares the texts: SQLite's numbers have no more digits than doubles.
    fn is_collated(&self) -> bool {
        self.backend == DbBackend::Sqlite && self.field_type == FieldType::Decimal
    }

    fn is_number(&self) -> bool {
        matches!(self.field_type, FieldType::Integer | FieldType::Decimal)
    }

    /// Numbers are equal when they are the same number, email addresses without regard to case, and choices whatever their
    /// order. Everything else is stored in one form only.
    fn equals(&self, value: &Json) -> Expr {
        if self.is_number() {
            return self.ordered().eq(self.operand(value));
        }
        match value {
            Json::Array(choices) => self.has_choices_alone(choices),
            Json::String(email) if self.field_type == FieldType::Email => {
                self.text().is_in(text::email_spellings(email))
            }
            value => column().eq(value.clone()),
        }
    }

    /// Equal to one of them. The value is read once and looked up; only choices are compared one by one.
    fn is_one_of(&self, values: &[Json]) -> Expr {
        let (choices, others): (Vec<&Json>, Vec<&Json>) = values.iter().partition(|value| value.is_array());
        let emails = others.iter().filter_map(|value| value.as_str()).flat_map(text::email_spellings);
        let is_other = match self.field_type {
            _ if self.is_number() => self.ordered().is_in(others.iter().map(|value| self.operand(value))),
            FieldType::Email => self.text().is_in(emails),
            _ => column().is_in(others.iter().copied().cloned()),
        };
        choices.into_iter().map(|value| self.equals(value)).fold(is_other, Expr::or)
    }

    /// The value as a text, an email address in lower case.
    fn text(&self) -> Expr {
        let text = match self.backend {
            DbBackend::Sqlite => Expr::cust(format!("json_extract({READABLE}, '$')")),
            _ => Expr::cust("(custom_field_value.value #>> '{}') COLLATE \"C\""),
        };
        if self.field_type == FieldType::Email { Func::lower(text).into() } else { text }
    }

    /// A part of a text to compare with.
    fn part(&self, part: &str) -> String {
        let part = text::normalize_part(part);
        // As both databases do it: other letters have no cases to them.
        if self.field_type == FieldType::Email { part.to_ascii_lowercase() } else { part.into_owned() }
    }

    /// The value as something that is less or greater. Times are stored so that their texts are.
    fn ordered(&self) -> Expr {
        if !self.is_number() {
            return self.text();
        }
        if self.is_collated() {
            return Expr::cust(format!("json_extract({READABLE}, '$') COLLATE {DECIMAL_COLLATION}"));
        }
        // PostgreSQL may look at the value before it looks at the field, and then meets texts that are no numbers.
        let is_field = Expr::col(("custom_field_value", "custom_field_id")).eq(self.field);
        CaseStatement::new().case(is_field, self.text().cast_as("numeric")).into()
    }

    fn operand(&self, value: &Json) -> Expr {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let is_cast = self.is_number() && !self.is_collated();
        if is_cast { Expr::val(text).cast_as("numeric") } else { Expr::val(text) }
    }

    fn has_choice(&self, choice: &str) -> Expr {
        let choice = &*text::normalize(choice);
        if !is_storable(choice) {
            return Expr::cust("1 = 0");
        }
        if self.backend != DbBackend::Sqlite {
            return column().binary(BinOper::Custom("@>"), Expr::val(json!([choice])));
        }
        let choices = Query::select()
            .expr(Expr::cust("1"))
            .from_function(Func::cust("json_each").arg(Expr::cust(READABLE)), "choice")
            .and_where(Expr::col(("choice", "value")).eq(choice))
            .take();
        Expr::exists(choices)
    }

    /// These choices and no other, each of them once as in what is stored.
    fn has_choices_alone(&self, choices: &[Json]) -> Expr {
        let all = choices.iter().filter_map(Json::as_str).map(|choice| self.has_choice(choice));
        let no_other = if self.backend == DbBackend::Sqlite {
            Expr::from(Func::cust("json_array_length").arg(Expr::cust(READABLE))).eq(choices.len() as u64)
        } else {
            column().binary(BinOper::Custom("<@"), Expr::val(json!(choices)))
        };
        all.fold(no_other, Expr::and)
    }
}

fn column() -> Expr {
    Expr::col(("custom_field_value", "value"))
}
