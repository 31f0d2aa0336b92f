package int3

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"time"
)

// node is a part of the document.
type node = map[string]any

// OpenAPI is the document of the interface (OpenAPI 3.1): it is made of the table, so that
// it has every route and every member that the handler has, and no other.
func OpenAPI() []byte {
	paths := node{"/openapi.json": node{"get": node{
		"operationId": "openapi", "summary": "This document.", "security": []any{},
		"responses": node{"200": node{"description": "the document", "content": node{"application/json": node{"schema": node{"type": "object"}}}}},
	}}}
	for path, o := range operations() {
		paths[path] = node{"post": o.document()}
	}
	doc := node{
		"openapi": "3.1.0",
		"info": node{
			"title": "simsign: INT3b and INT3c", "version": "1",
			"description": "Registration authority (INT3c), operator and customer care (INT3b). A refusal is an answer: HTTP 200 with result, reason and detail.",
		},
		"security": []any{node{"basic": []any{}}, node{"certificate": []any{}}},
		"paths":    paths,
		"components": node{
			"securitySchemes": node{
				"basic":       node{"type": "http", "scheme": "basic"},
				"certificate": node{"type": "mutualTLS", "description": "a pinned client certificate; the user of HTTP Basic names the client, without a password"},
			},
			"schemas": node{"Refusal": answerSchema("refused", nil), "Pending": answerSchema("pending", nil), "Accident": answerSchema("failed", nil)},
		},
	}
	b, _ := json.MarshalIndent(doc, "", "  ") // maps of texts always marshal
	return append(b, '\n')
}

// document is an operation in the document.
func (o *operation) document() node {
	properties, required := node{}, []string{}
	for _, f := range o.fields {
		properties[f.name] = f.schema()
		if f.must {
			required = append(required, f.name)
		}
	}
	message := node{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		message["required"] = required
	}
	answers := []any{node{"$ref": "#/components/schemas/Refusal"}, answerSchema("ok", o.data())}
	if o.changes {
		answers = append(answers, node{"$ref": "#/components/schemas/Pending"})
	}
	if o.data() == nil && !o.changes { // call_status: that of any call
		answers = []any{node{"type": "object", "required": []string{"result"}, "properties": node{
			"result": node{"type": "string", "enum": []string{"ok", "refused", "pending"}},
		}}}
	}
	content := func(schema node) node { return node{"application/json": node{"schema": schema}} }
	refused := content(node{"$ref": "#/components/schemas/Refusal"})
	return node{
		"operationId": string(o.op), "summary": o.about, "tags": []string{o.door},
		"requestBody": node{"required": true, "content": content(message)},
		"responses": node{
			"200": node{"description": "done, refused, or pending", "content": content(node{"oneOf": answers})},
			"400": node{"description": "no JSON that everybody reads alike", "content": refused},
			"401": node{"description": "the log-in has failed", "content": refused},
			"403": node{"description": "the role has not this operation", "content": refused},
			"413": node{"description": "the message is too long", "content": refused},
			"415": node{"description": "the message is not application/json", "content": refused},
			"500": node{"description": "an accident", "content": content(node{"$ref": "#/components/schemas/Accident"})},
		},
	}
}

func (f *field) schema() node {
	s := node{"description": f.about}
	switch f.kind {
	case number:
		s["type"], s["minimum"], s["maximum"] = "integer", 0, f.most
	default:
		s["type"], s["maxLength"] = "string", f.most
		if f.kind == octets {
			s["contentEncoding"] = "base64"
		}
		if f.words != nil {
			s["enum"] = f.words
		}
	}
	return s
}

// answerSchema is an answer of one result, with data of a type.
func answerSchema(result string, data reflect.Type) node {
	properties := node{"result": node{"type": "string", "enum": []string{result}}, "call": node{"type": "string"}}
	required := []string{"result"}
	switch result {
	case "refused", "failed":
		properties["reason"], properties["detail"] = node{"type": "string"}, node{"type": "string"}
		properties["code"] = node{"type": "integer", "description": "of TS 102 204"}
		required = append(required, "reason", "detail")
	case "pending":
		required = append(required, "call")
	}
	if data != nil {
		properties["data"] = schemaOf(data)
		required = append(required, "data")
	}
	return node{"type": "object", "properties": properties, "required": required, "additionalProperties": false}
}

// schemaOf is a Go type as encoding/json writes it.
func schemaOf(t reflect.Type) node {
	switch {
	case t == reflect.TypeFor[json.RawMessage]():
		return node{"type": "object"}
	case t == reflect.TypeFor[time.Time]():
		return node{"type": "string", "format": "date-time"}
	case t.Kind() == reflect.Pointer:
		return schemaOf(t.Elem())
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		return node{"type": "string", "contentEncoding": "base64"}
	case t.Kind() == reflect.Slice, t.Kind() == reflect.Array:
		return node{"type": "array", "items": schemaOf(t.Elem())}
	case t.Kind() == reflect.Bool:
		return node{"type": "boolean"}
	case t.Kind() == reflect.String:
		return node{"type": "string"}
	case t.Kind() != reflect.Struct:
		return node{"type": "integer"}
	}
	properties, required := node{}, []string{}
	for _, f := range reflect.VisibleFields(t) {
		name, rest, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous || name == "" {
			continue
		}
		properties[name] = schemaOf(f.Type)
		if !strings.Contains(rest, "omit") {
			required = append(required, name)
		}
	}
	slices.Sort(required)
	s := node{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		s["required"] = required
	}
	return s
}
