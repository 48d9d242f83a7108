# A layer with graft, shared with an organization, on a function.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

variable "layer_zip" {
  description = "What `graft build --arch arm64 --name agents agents/layer` has made"
  type        = string
  default     = "../dist/agents-arm64.zip"
}

variable "function_zip" {
  description = "The function's code, as (cd function && zip ../dist/function.zip app.py) makes it"
  type        = string
  default     = "../dist/function.zip"
}

variable "organization" {
  description = "The organization whose accounts may use the layer; none if empty"
  type        = string
  default     = ""
}

resource "aws_lambda_layer_version" "agents" {
  layer_name               = "agents-arm64"
  filename                 = var.layer_zip
  source_code_hash         = filebase64sha256(var.layer_zip)
  compatible_architectures = ["arm64"]
  # Functions that are not deployed again keep the version that they have.
  skip_destroy = true
}

resource "aws_lambda_layer_version_permission" "organization" {
  count           = var.organization == "" ? 0 : 1
  layer_name      = aws_lambda_layer_version.agents.layer_name
  version_number  = aws_lambda_layer_version.agents.version
  statement_id    = "organization"
  action          = "lambda:GetLayerVersion"
  principal       = "*"
  organization_id = var.organization
}

# What `make publish` writes too, for the stacks of other teams.
resource "aws_ssm_parameter" "agents" {
  name  = "/graft/layer/agents/arm64"
  type  = "String"
  value = aws_lambda_layer_version.agents.arn
}

resource "aws_iam_role" "function" {
  name = "function"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_lambda_function" "function" {
  function_name    = "function"
  filename         = var.function_zip
  source_code_hash = filebase64sha256(var.function_zip)
  handler          = "app.handler"
  runtime          = "python3.13"
  architectures    = ["arm64"]
  role             = aws_iam_role.function.arn
  layers           = [aws_lambda_layer_version.agents.arn]

  environment {
    variables = {
      AWS_LAMBDA_EXEC_WRAPPER = "/opt/graft"
    }
  }
}

output "layer" {
  value = aws_lambda_layer_version.agents.arn
}
