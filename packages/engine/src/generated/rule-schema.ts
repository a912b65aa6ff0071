// Generated from schema/rule.schema.json by `npm run generate`. Do not edit.
export const ruleSchema = {
  "$schema": "http://json-schema.org/draft-07/schema#",
  "$id": "https://policy-studio.dev/schema/rule.schema.json",
  "title": "Rule",
  "description": "One statement: for this agent and action, under these conditions, this effect.",
  "type": "object",
  "additionalProperties": false,
  "required": [
    "id",
    "agent",
    "action",
    "effect"
  ],
  "properties": {
    "id": {
      "description": "Unique in the bundle.",
      "type": "string",
      "pattern": "^[a-z0-9][a-z0-9_-]{2,63}$"
    },
    "agent": {
      "description": "A dotted name such as `inbox.triage`, `*`, or a prefix `inbox.*` (which does not match `inbox` itself).",
      "type": "string",
      "maxLength": 128,
      "pattern": "^(\\*|[A-Za-z0-9_:/-]+(\\.[A-Za-z0-9_:/-]+)*(\\.\\*)?)$"
    },
    "action": {
      "description": "A name such as `quarantine` or `github.create_issue`, `*`, or a prefix `github.*`.",
      "type": "string",
      "maxLength": 128,
      "pattern": "^(\\*|[A-Za-z0-9_:/-]+(\\.[A-Za-z0-9_:/-]+)*(\\.\\*)?)$"
    },
    "effect": {
      "enum": [
        "allow",
        "deny",
        "needs_approval"
      ]
    },
    "conditions": {
      "description": "All entries must hold; see docs/language.md. `{}` always holds.",
      "type": "object",
      "default": {}
    },
    "reason": {
      "description": "Told to the agent and kept in the log.",
      "type": "string",
      "maxLength": 256
    },
    "priority": {
      "description": "Higher first.",
      "type": "integer",
      "minimum": 0,
      "maximum": 1000,
      "default": 50
    },
    "budget": {
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "cost": {
          "description": "USD.",
          "type": "number",
          "minimum": 0
        },
        "compute": {
          "description": "Compute units.",
          "type": "number",
          "minimum": 0
        },
        "risk": {
          "enum": [
            "low",
            "medium",
            "high",
            "critical"
          ]
        }
      }
    },
    "enabled": {
      "type": "boolean",
      "default": true
    },
    "tags": {
      "type": "array",
      "maxItems": 32,
      "items": {
        "type": "string",
        "maxLength": 64
      },
      "default": []
    },
    "metadata": {
      "description": "Free. `min_approvers` is read by approvals.",
      "type": "object",
      "properties": {
        "min_approvers": {
          "type": "integer",
          "minimum": 1,
          "maximum": 10
        }
      },
      "default": {}
    }
  }
} as const;
