// The fields of one kind of contact, with what the gateway refuses put beside the field that it is about.

import { useId, useState, type FormEvent } from "react";
import { offeredFields, type Field, type Kind, type UserError, type Values } from "./kinds";

interface Props {
  kind: Kind;
  isNew: boolean;
  values: Values;
  errors: UserError[];
  submit: string;
  onSubmit: (values: Values) => void;
}

export function ContactForm({ kind, isNew, values: initial, errors, submit, onSubmit }: Props) {
  const [values, setValues] = useState(initial);
  const fields = offeredFields(kind, values).filter(({ onlyNew }) => isNew || !onlyNew);
  const names = fields.map(({ name }) => name);
  // The first part of the path is the field of the input.
  const of = (name: string) => errors.filter(({ field }) => field?.[0] === name);
  const elsewhere = errors.filter(({ field }) => !names.includes(field?.[0] ?? ""));
  const send = (event: FormEvent) => {
    event.preventDefault();
    onSubmit(values);
  };
  return (
    <form onSubmit={send} noValidate aria-label={submit}>
      {fields.map((field) => (
        <FormField
          key={field.name}
          field={field}
          value={values[field.name] ?? ""}
          errors={of(field.name)}
          onChange={(value) => setValues({ ...values, [field.name]: value })}
        />
      ))}
      {elsewhere.map(({ message }) => (
        <p key={message} role="alert" className="problem">
          {message}
        </p>
      ))}
      <button type="submit">{submit}</button>
    </form>
  );
}

interface FieldProps {
  field: Field;
  value: string;
  errors: UserError[];
  onChange: (value: string) => void;
}

function FormField({ field: { label, required, options }, value, errors, onChange }: FieldProps) {
  const id = useId();
  const about = {
    id,
    value,
    "aria-required": required,
    "aria-invalid": errors.length > 0,
    "aria-describedby": errors.length > 0 ? `${id}-error` : undefined,
    onChange: (event: { target: { value: string } }) => onChange(event.target.value),
  };
  return (
    <div className="field">
      <label htmlFor={id}>
        {label}
        {required && <span aria-hidden> *</span>}
      </label>
      {options ? (
        <select {...about}>
          {options.map((option) => (
            <option key={option} value={option}>
              {readable(option)}
            </option>
          ))}
        </select>
      ) : (
        <input {...about} />
      )}
      {errors.length > 0 && (
        <p id={`${id}-error`} role="alert">
          {errors.map(({ message }) => message).join(" ")}
        </p>
      )}
    </div>
  );
}

/** A value of an enum as people read it: `CO_LEAD` is "Co lead". */
export function readable(value: string): string {
  return value === "CSM" ? value : value[0] + value.slice(1).toLowerCase().replaceAll("_", " ");
}
