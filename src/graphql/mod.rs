//! The public schema: thin types over entity rows, resolvers that call services, and the loaders between them.
//!
//! May name `service` and, as data, entity models; never a query of sea_orm, never axum. Every type, field, argument and
//! enum value has a `///` text or a `desc`, which becomes its description in the schema.

pub mod account;
pub mod account_contact;
pub mod bulk;
pub mod change;
pub mod contact;
pub mod contact_mutation;
pub mod contact_type;
pub mod context;
pub mod country;
pub mod custom_field;
pub mod document;
pub mod error;
pub mod federation;
pub mod filter;
pub mod internal_contact;
pub mod internal_contact_assignment;
pub mod loaders;
pub mod node;
pub mod null_completion;
pub mod organization;
pub mod organization_contact;
pub mod partner;
mod patch;
mod payload;
mod pending;
pub mod record;
pub mod relay;
pub mod response;
pub mod response_size;
pub mod scalar;
pub mod schema_index;
pub mod selection;
pub mod subscription;

use std::sync::LazyLock;

use async_graphql::{MergedObject, SDLExportOptions, SchemaBuilder, ValidationMode};

use self::{response_size::CountValues, schema_index::SchemaIndex, subscription::Subscriptions};

pub use context::Gateway;

/// Everything that can be read by clients.
#[derive(MergedObject, Default)]
pub struct ClientQuery(
    organization::OrganizationQuery,
    node::NodeQuery,
    contact::ContactQuery,
    internal_contact::InternalContactQuery,
    internal_contact_assignment::InternalContactAssignmentQuery,
    partner::PartnerQuery,
    account::AccountQuery,
    account_contact::AccountContactQuery,
    contact_type::ContactTypeQuery,
    custom_field::CustomFieldQuery,
    organization_contact::OrganizationContactQuery,
    country::CountryQuery,
    change::ChangeQuery,
);

/// The queries.
#[derive(MergedObject, Default)]
pub struct Query(ClientQuery, federation::FederationQuery);

/// The queries.
#[derive(MergedObject, Default)]
#[graphql(name = "Query")]
struct PublishedQuery(ClientQuery);

/// The mutations. Each takes one `input` and returns a payload with the changed record and `userErrors`.
#[derive(MergedObject, Default)]
pub struct Mutation(
    organization::OrganizationMutation,
    internal_contact::InternalContactMutation,
    internal_contact::InternalContactDeletion,
    internal_contact::InternalContactUpsert,
    internal_contact_assignment::InternalContactAssignmentMutation,
    internal_contact_assignment::InternalContactAssignmentUpsert,
    partner::PartnerMutation,
    partner::PartnerDeletion,
    partner::PartnerUpsert,
    account::AccountMutation,
    account::AccountDeletion,
    account::AccountUpsert,
    account_contact::AccountContactMutation,
    account_contact::AccountContactDeletion,
    account_contact::AccountContactUpsert,
    contact_type::ContactTypeMutation,
    custom_field::CustomFieldMutation,
    organization_contact::OrganizationContactMutation,
    organization_contact::OrganizationContactDeletion,
    contact_mutation::ContactMutation,
);

/// The schema that every caller sees.
pub type Schema = async_graphql::Schema<Query, Mutation, Subscriptions>;

/// Whether the schema answers questions about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Introspection {
    /// Yes, and validation errors suggest names.
    On,
    /// No.
    Off,
}

/// The schema, which is built once.
pub fn schema(introspection: Introspection) -> Schema {
    static OPEN: LazyLock<Schema> = LazyLock::new(|| built(builder(), Introspection::On));
    static CLOSED: LazyLock<Schema> = LazyLock::new(|| built(builder(), Introspection::Off));
    match introspection {
        Introspection::On => OPEN.clone(),
        Introspection::Off => CLOSED.clone(),
    }
}

/// The same schema, which counts the values of responses while it resolves them.
pub fn counting_schema(introspection: Introspection) -> Schema {
    static OPEN: LazyLock<Schema> = LazyLock::new(|| built(counting_builder(), Introspection::On));
    static CLOSED: LazyLock<Schema> = LazyLock::new(|| built(counting_builder(), Introspection::Off));
    match introspection {
        Introspection::On => OPEN.clone(),
        Introspection::Off => CLOSED.clone(),
    }
}

#[expect(clippy::disallowed_methods, reason = "only what may become large takes the slow path")]
fn counting_builder() -> SchemaBuilder<Query, Mutation, Subscriptions> {
    builder().extension(CountValues)
}

/// Documents are validated before they come here, see [`document`].
fn built(builder: SchemaBuilder<Query, Mutation, Subscriptions>, introspection: Introspection) -> Schema {
    let builder = builder.validation_mode(ValidationMode::Fast);
    match introspection {
        Introspection::On => builder.finish(),
        Introspection::Off => builder.disable_introspection().finish(),
    }
}

fn builder() -> SchemaBuilder<Query, Mutation, Subscriptions> {
    Schema::build(Query::default(), Mutation::default(), Subscriptions)
        .register_output_type::<contact::Contact>()
}

/// The schema in the schema definition language, as it is exported to `schema.graphql`: without what only routers ask.
pub fn sdl() -> &'static str {
    static SDL: LazyLock<String> = LazyLock::new(|| {
        let options = SDLExportOptions::new()
            .include_specified_by()
            .prefer_single_line_descriptions()
            .use_space_ident();
        let query = PublishedQuery::default();
        let published = async_graphql::Schema::build(query, Mutation::default(), Subscriptions);
        published.register_output_type::<contact::Contact>().finish().sdl_with_options(options)
    });
    &SDL
}

/// The types of all fields that can be selected.
pub fn schema_index() -> &'static SchemaIndex {
    static INDEX: LazyLock<SchemaIndex> =
        LazyLock::new(|| SchemaIndex::of_sdl(&schema(Introspection::On).sdl()));
    &INDEX
}
