extension MessageTemplates {
    /// Every file of `templates/`; a test holds this table against the folder.
    static let embedded: [String: [UInt8]] = [
        "error.page.mustache": PackageResources.error_page_mustache,
        "opened.html.mustache": PackageResources.opened_html_mustache,
        "opened.slack.mustache": PackageResources.opened_slack_mustache,
        "opened.subject.mustache": PackageResources.opened_subject_mustache,
        "opened.text.mustache": PackageResources.opened_text_mustache,
        "reason.text.mustache": PackageResources.reason_text_mustache,
        "reauthorize.page.mustache": PackageResources.reauthorize_page_mustache,
        "recovered.html.mustache": PackageResources.recovered_html_mustache,
        "recovered.slack.mustache": PackageResources.recovered_slack_mustache,
        "recovered.subject.mustache": PackageResources.recovered_subject_mustache,
        "recovered.text.mustache": PackageResources.recovered_text_mustache,
        "style.page.mustache": PackageResources.style_page_mustache,
        "test.html.mustache": PackageResources.test_html_mustache,
        "test.slack.mustache": PackageResources.test_slack_mustache,
        "test.subject.mustache": PackageResources.test_subject_mustache,
        "test.text.mustache": PackageResources.test_text_mustache,
    ]
}
